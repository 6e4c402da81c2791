"""The steps of a network, by torch.fx, without other threads noticing. What becomes of them: `graph`."""

import threading
from collections.abc import Callable
from typing import Any

from torch import fx, nn

from kdsr.models import Enlargement, Entry, IntegerConv2d

_TRACING = threading.Lock()


class _Tracer(fx.Tracer):
    """fx replaces `__call__` and `__getattr__` of `nn.Module` process-wide while it traces; other threads, with
    networks at work, must not notice.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """The output of `m`: as a step of the graph in this thread, computed as usual in any other."""
        return (
            super().call_module(m, forward, args, kwargs)
            if threading.get_ident() == self._thread
            else forward(*args, **kwargs)
        )

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, fx.Proxy]) -> Any:
        """The parameter `attr`: its stand-in in this thread, itself in another."""
        return (
            super().getattr(attr, attr_val, parameter_proxy_cache)
            if threading.get_ident() == self._thread
            else attr_val
        )

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether `m` is one step: what torch brings, what is of integers, and what keeps to a precision."""
        return isinstance(m, (IntegerConv2d, Enlargement, Entry)) or super().is_leaf_module(m, module_qualified_name)


def trace(network: nn.Module) -> fx.GraphModule:
    """The steps of `network`. One at a time: of two tracers, the later would leave the earlier's replacement behind."""
    with _TRACING:
        return fx.GraphModule(network, _Tracer().trace(network))
