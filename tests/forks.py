"""Processes that begin with modules loaded: forks of one that has loaded them, and not used them.

Loading takes longer than most of what a test runs a process for. `ForkServer` starts that one
process, which is this file run as a script, and a `Fork` is as much of a `subprocess.Popen`.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile


class ForkServer:
    """Starts forks of a process that has loaded some modules; a context manager.

    Args:
        environment: Dict of the environment variables of that process.
        *modules: Names of the modules.
    """

    def __init__(self, environment, *modules):
        self._environment = environment
        self._socket, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, __file__, *modules], stdin=other, env=environment
            )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._socket.close()
        self._process.wait()

    def start(
        self, code, args, folder, variables=(), limits=(), stdin=None, stdout=None, stderr=None
    ):
        """Starts a fork.

        Args:
            code: The Python code to run, as if it were a script.
            args: `sys.argv`. Modules are looked for beside its first, if it is a path.
            folder: The working directory.
            variables: Dict of environment variables to set. What a sitecustomize.py on PYTHONPATH
                does is done.
            limits: Dict of resource limits, by their number in `resource`.
            stdin: A file to read from. (default: an empty one)
            stdout: A file to write to. (default: one that `Fork.communicate` reads)
            stderr: Likewise.
        """
        environment = {name: str(value) for name, value in dict(variables).items()}
        request = [code, list(map(str, args)), str(folder), environment, list(dict(limits).items())]
        return Fork(self._socket, request, [stdin, stdout, stderr])


class Fork:
    """A fork, by what is needed of `subprocess.Popen`."""

    def __init__(self, server, request, files):
        self.args, self.returncode, self.seconds = [sys.executable, *request[1]], None, None
        self._files = [file or tempfile.TemporaryFile() for file in files]
        read, write = os.pipe()
        numbers = [*(file.fileno() for file in self._files), write]
        socket.send_fds(server, [f"{json.dumps(request)}\n".encode()], numbers)
        os.close(write)
        self._status = os.fdopen(read)
        self.pid = json.loads(self._status.readline())

    def poll(self):
        return self._wait(0)

    def wait(self, timeout=None):
        """Waits for the end; `seconds` are then what the process has computed."""
        if self._wait(timeout) is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def _wait(self, timeout):
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode, self.seconds = json.loads(self._status.readline())
            self._status.close()
        return self.returncode

    def communicate(self, timeout=None):
        """Waits for the end, and returns what was written: output and error, None if to a file."""
        self.wait(timeout)
        output = [file if file.readable() else None for file in self._files[1:]]
        for file in filter(None, output):
            file.seek(0)
        return tuple(file and file.read() for file in output)

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def serve():
    """Forks at each request, until who asks is gone; returns in each fork, with its code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # As the scripts do before it is loaded.

    gc.disable()
    for module in sys.argv[1:]:
        importlib.import_module(module)
    gc.freeze()  # What all have in common is not copied by a look for garbage.
    gc.enable()
    server = socket.socket(fileno=os.dup(0))
    while True:
        request, files, _, _ = socket.recv_fds(server, 2**20, 4)
        while request and not request.endswith(b"\n"):
            request += server.recv(2**20)
        with contextlib.suppress(ChildProcessError):  # Of those that are done.
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not request:
            os._exit(0)
        if not os.fork():  # One that waits for the fork, and tells of its end.
            child = os.fork()
            if not child:
                server.close()
                return become(files, *json.loads(request))
            tell(files[3], child)
            _, status, used = os.wait4(child, 0)
            tell(files[3], [os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime])
            os._exit(0)
        for file in files:
            os.close(file)


def tell(file, answer):
    os.write(file, f"{json.dumps(answer)}\n".encode())


def become(files, code, args, folder, variables, limits):
    """Makes this process what was asked for, but for running the code, which is returned."""
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    # Tests in the background of a shell are started with Ctrl-C ignored, and by nohup with SIGHUP.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    for kind, most in limits:
        resource.setrlimit(kind, (most, most))
    os.chdir(folder)
    os.environ.update(variables)
    sys.argv = args
    sys.path[0] = os.path.dirname(args[0])
    if "PYTHONPATH" in variables:
        sys.path[1:1] = variables["PYTHONPATH"].split(os.pathsep)
        sys.modules.pop("sitecustomize", None)
        with contextlib.suppress(ModuleNotFoundError):
            import sitecustomize  # noqa: F401
    return compile(code, args[0], "exec")


if __name__ == "__main__":
    exec(serve(), {"__name__": "__main__"})
