"""A folder that is there for one test, on both interpreters."""

import os


class scratch:  # noqa: N801 - reads as a function: `with scratch() as folder`
    _next = [0]

    def __enter__(self):
        self._next[0] += 1
        seed = int.from_bytes(os.urandom(4), "big")
        self._path = f"/tmp/pointwire-{seed}-{self._next[0]}"
        os.mkdir(self._path)
        return self._path

    def __exit__(self, *failed):
        for name in os.listdir(self._path):
            (os.remove if hasattr(os, "remove") else os.unlink)(self._path + "/" + name)
        os.rmdir(self._path)
