"""Answers hostile specs, each in a process of its own: one warm interpreter forks for every request.

A request is a line of JSON with the arguments of `incdsl`, the working directory, and whether calls are counted in any
case; the answer is a line with the exit code (negative for a signal), the memory over that of the warm process, and the
output; and where it took long, how many functions are called, which a second child counts.
"""

import cProfile
import json
import os
import resource
import sys
import tempfile
import traceback
from pathlib import Path

SUSPECT = 2.5
"""Seconds of processor time after which calls are counted."""
HANGS = 120
"""Seconds of processor time after which a process is ended: calls are what is judged, but some work is none."""


def answer(request):
    """Run one command in a child under limits, and tell how it went."""
    found = answer_of_child(request, count=False)
    if found.pop("seconds") > SUSPECT or request["count"]:
        found["calls"] = answer_of_child(request, count=True)["calls"]
    return found


def answer_of_child(request, count):
    """Run one command in a child under limits, and tell how it went; count calls, which takes longer, or do not."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as calls:
        before = resident()
        child = os.fork()
        if not child:
            _run(request, out.fileno(), err.fileno(), calls if count else None)
        _, status, used = os.wait4(child, 0)
        texts = []
        for stream in (out, err, calls):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "backslashreplace"))
    return {
        "code": os.waitstatus_to_exitcode(status),
        "calls": int(texts[2] or 0),
        "seconds": used.ru_utime + used.ru_stime,
        "mebibytes": used.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20) - before,
        "out": texts[0],
        "err": texts[1],
    }


def resident():
    """MiB that this process has now; its `ru_maxrss` would be that of whoever started it, which outlives an `exec`."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / (1 << 20)


def _run(request, out, err, calls):
    """The child: never returns."""
    code, profile = 70, cProfile.Profile()
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.chdir(request["folder"])
        resource.setrlimit(resource.RLIMIT_CPU, (HANGS, HANGS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        sys.argv = ["incdsl", *request["arguments"]]
        profile.runcall(main) if calls else main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        if calls:
            calls.write(str(sum(entry.callcount for entry in profile.getstats())).encode())
            calls.flush()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    import incdsl.cli.check_
    import incdsl.cli.compile_
    from incdsl.cli import main

    assert incdsl.compile("specs/v3.inc")
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
