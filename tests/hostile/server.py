"""Answers hostile specs, each in a process of its own: one warm interpreter forks for every request.

A request is a line of JSON with the arguments of `incdsl`, the working directory and the processor time; the answer is
a line with the exit code (negative for a signal), the time as of a quiet machine, the memory over that of the warm
process, and the output.
"""

import json
import os
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

QUIET = 0.0085
"""Seconds that the known piece of work takes on the machine of `docs/trust.md`, when nothing else runs there."""


def answer(request):
    """Run one command in a child under limits, and tell how it went."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        before = resident()
        child = os.fork()
        if not child:
            _run(request, out.fileno(), err.fileno())
        _, status, used = os.wait4(child, 0)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "backslashreplace"))
    return {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": used.ru_utime + used.ru_stime,
        "mebibytes": used.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20) - before,
        "out": texts[0],
        "err": texts[1],
    }


def slowness():
    """How much longer than on a quiet machine a known piece of work takes now; 1 if it takes less."""
    start = time.process_time()
    sum(len(str(i)) for i in range(100_000))
    return max(1, (time.process_time() - start) / QUIET)


def resident():
    """MiB that this process has now; its `ru_maxrss` would be that of whoever started it, which outlives an `exec`."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / (1 << 20)


def _run(request, out, err):
    """The child: never returns."""
    code = 70
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.chdir(request["folder"])
        resource.setrlimit(resource.RLIMIT_CPU, (request["seconds"], request["seconds"] + 1))
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        sys.argv = ["incdsl", *request["arguments"]]
        main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    import incdsl.cli.check_
    import incdsl.cli.compile_
    from incdsl.cli import main

    assert incdsl.compile("specs/v3.inc")
    for line in sys.stdin:
        request = json.loads(line)
        slow = slowness()
        found = answer(request)
        found["seconds"] /= max(slow, slowness())
        print(json.dumps(found), flush=True)
