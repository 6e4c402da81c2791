"""A Hub repository as the place of a run's files: what `Artifacts` asks of a file system, one commit for each moment.

Source: huggingface_hub, `create_commit`. Not here: jobs (`hub_jobs`).
"""

from typing import Any
from urllib.parse import quote

from kdsr.jobs.artifacts import MANIFEST

REPOSITORY = "kdsr-runs"
"""Name of the private model repository in the account of whoever runs."""


class HubPlace:
    """The repository `repo_id` on the Hub, written and read with `token`, which is kept in memory only."""

    def __init__(self, repo_id: str, token: str) -> None:
        from huggingface_hub import HfApi  # it takes a while, and only these runs need it

        self.repo_id = repo_id
        self._api, self._token = HfApi(token=token), token
        self._pending: dict[str, Any] = {}

    def make(self) -> None:
        """Make the repository, private, unless it is there."""
        self._api.create_repo(self.repo_id, private=True, exist_ok=True)

    def makedirs(self, path: str, *, exist_ok: bool) -> None:
        """A repository has no folders of its own."""

    def pipe_file(self, path: str, content: bytes) -> None:
        """Write a file; all go up with the manifest, which is written last."""
        from huggingface_hub import CommitOperationAdd

        name = path.lstrip("/")
        self._pending[name] = CommitOperationAdd(name, content)
        if path.endswith(f"/{MANIFEST}"):
            self._commit()

    def rm_file(self, path: str) -> None:
        """Remove a file with the next commit."""
        from huggingface_hub import CommitOperationDelete

        name = path.lstrip("/")
        self._pending[name] = CommitOperationDelete(name)

    def write(self, path: str, content: bytes) -> None:
        """Write one file at once."""
        self._api.upload_file(path_or_fileobj=content, path_in_repo=path.lstrip("/"), repo_id=self.repo_id)

    def cat_file(self, path: str) -> bytes:
        """The content of a file.

        Raises:
            FileNotFoundError: there is none.
        """
        from huggingface_hub import get_session

        url = f"{self._api.endpoint}/{self.repo_id}/resolve/main/{quote(path.lstrip('/'))}"
        answer = get_session().get(url, headers={"authorization": f"Bearer {self._token}"}, follow_redirects=True)
        if answer.status_code == 404:
            raise FileNotFoundError(path)
        answer.raise_for_status()
        return bytes(answer.content)

    def _commit(self) -> None:
        pending, self._pending = self._pending, {}
        self._api.create_commit(self.repo_id, list(pending.values()), commit_message="Files of a run")
