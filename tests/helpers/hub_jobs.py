"""A Hub of one account on this machine: a private repository, and jobs that are processes here."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from helpers.hub import commit, serving_hub

ACCOUNT = "anna"


class FakeHubJobs:
    """The repository's files, and the jobs by their names with what was asked for."""

    def __init__(self):
        self.files, self.jobs, self.processes, self.commits, self.refuses = {}, {}, {}, 0, ""
        self.address = ""

    def answer(self, method, path, body):
        """(status, what is answered)"""
        if self.refuses and self.refuses in path:
            return 402, {"error": "Payment required."}
        if path.startswith("/api/jobs/"):
            return self._job(method, path.split("/")[4:], body)
        if path == "/api/whoami-v2":
            return 200, {"name": ACCOUNT, "type": "user"}
        if path == "/api/repos/create":
            assert json.loads(body)["visibility"] == "private"
            return 200, {"url": f"{self.address}/{ACCOUNT}/kdsr-runs", "name": f"{ACCOUNT}/kdsr-runs", "id": "1"}
        if "/preupload/" in path:
            given = json.loads(body)["files"]
            files = [{"path": each["path"], "uploadMode": "regular", "shouldIgnore": False} for each in given]
            return 200, {"files": files}
        if "/commit/" in path:
            return self._commit(body)
        if "/resolve/main/" in path:
            content = self.files.get(unquote(path.partition("/resolve/main/")[2]))
            return (404, b"Entry not found") if content is None else (200, content)
        return 200, {"id": f"{ACCOUNT}/kdsr-runs", "sha": "0" * 40, "siblings": []}

    def _commit(self, body):
        self.commits += 1
        commit(self.files, body)
        url = f"{self.address}/{ACCOUNT}/kdsr-runs/commit/{'1' * 40}"
        return 200, {"commitOid": "1" * 40, "commitUrl": url}

    def _job(self, method, names, body):
        if not names and method == "GET":
            return 200, [self._told(name) for name in self.jobs if self._told(name)["status"]["stage"] == "RUNNING"]
        if not names:
            asked = json.loads(body)
            name = f"job{len(self.jobs)}"
            self.jobs[name] = asked
            environment = {key: value for key, value in os.environ.items() if not key.startswith("KDSR_")}
            environment |= asked["environment"] | asked["secrets"]
            environment |= {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "HF_ENDPOINT": self.address}
            environment |= {"KDSR_HUB_POLL_S": "0.5", "KDSR_DEVICE": "cpu", "KDSR_THREADS": "1"}
            words = [sys.executable, *asked["command"][1:]]
            self.processes[name] = subprocess.Popen(words, env=environment)
            return 200, self._told(name)
        if names[1:] == ["cancel"]:
            self.processes[names[0]].kill()
            self.processes[names[0]].wait()
        return 200, self._told(names[0])

    def _told(self, name):
        code = self.processes[name].poll()
        stage = "RUNNING" if code is None else "COMPLETED" if code == 0 else "CANCELED" if code < 0 else "ERROR"
        owner = {"id": "1", "name": ACCOUNT, "type": "user"}
        return {"id": name, "status": {"stage": stage, "message": None}, "owner": owner}


@contextmanager
def serving_hub_jobs(hub: FakeHubJobs) -> Iterator[FakeHubJobs]:
    """`hub` at its `address` until the end of the block; its jobs end too."""
    with serving_hub(hub):
        try:
            yield hub
        finally:
            for process in hub.processes.values():
                process.kill()
                process.wait()
