"""What a page in a browser lacks for keyboards, screen readers, weak eyes and thick fingers."""

_OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
_SETTLED = """() => Promise.all(document.getAnimations()
  .filter(({ effect }) => effect.getComputedTiming().endTime < 5000)
  .map(({ finished }) => finished.catch(() => 0)))"""
"""Fades are over; bars without an end go on."""
_SMALL = """(least) => {
  const all = (root) => [...root.querySelectorAll('*')].flatMap((each) =>
    each.shadowRoot ? [each, ...all(each.shadowRoot)] : [each]);
  const PRESSED = 'button, a[href], input, select, textarea, summary, [role=tab], [role=slider], [role=option]';
  const isSeen = (each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: false })
    && !each.closest('.visually-hidden') && !(each.matches('a') && getComputedStyle(each).display === 'inline');
  return all(document).filter((each) => each.matches(PRESSED) && isSeen(each)).flatMap((each) => {
    const label = each.matches('[type=radio], [type=checkbox]') && each.closest('label');
    const box = (label || each).getBoundingClientRect();
    const isSmall = box.width > 0 && Math.min(box.width, box.height) < least - 0.5;
    return isSmall ? [`${Math.round(box.width)} x ${Math.round(box.height)}: ${each.outerHTML.slice(0, 120)}`] : [];
  });
}"""
"""A link in a line of text may be as high as its line (WCAG 2.5.8); gradio measures its tabs by hidden copies."""


def faults(page: "sync_api.Page") -> list[str]:  # noqa: F821 - imported late, where it is installed
    """Whatever axe-core finds on `page` as it stands, of any impact, best practices included, in light and in dark,
    and whatever can be pressed and is under 24 px.
    """
    found = violations(page)
    page.evaluate("document.body.classList.toggle('dark')")
    found += [f"dark: {each}" for each in violations(page)]
    page.evaluate("document.body.classList.toggle('dark')")
    return found + small_targets(page, 24)


def violations(page: "sync_api.Page") -> list[str]:  # noqa: F821
    """What axe-core finds by all its rules: rule, place and reason."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(_SETTLED)
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: "
        + "; ".join(check["message"] for check in node["any"] + node["all"] + node["none"])
        for rule in Axe().run(page, options=_OPTIONS).response["violations"]
        for node in rule["nodes"]
    ]


def small_targets(page: "sync_api.Page", least_px: int) -> list[str]:  # noqa: F821
    """Whatever can be pressed on `page` and is less than `least_px` wide or high."""
    return page.evaluate(_SMALL, least_px)
