"""The fresh process that one artifact is measured in: a Job as JSON in, progress and a Record as JSON lines out."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

from edgeseg.core.errors import EdgesegError, InputError
from edgeseg.pipeline.job import Job

__all__: list[str] = []


def _main() -> int:
    # Runtimes print to standard output as they please, so ours moves to a descriptor they do not know.
    with os.fdopen(os.dup(1), "w", buffering=1) as lines:
        os.dup2(2, 1)

        def send(message: dict[str, Any]) -> None:
            lines.write(json.dumps(message) + "\n")

        try:
            from edgeseg.pipeline.measuring import measure

            job = Job.from_json(json.load(sys.stdin))
            record = measure(job, lambda what, done, total: send({"progress": [what, done, total]}))
        except KeyboardInterrupt:
            return 1
        except EdgesegError as error:
            send({"error": str(error), "input": isinstance(error, InputError), "trace": traceback.format_exc()})
            return error.exit_code
        except Exception as error:
            message = f"{type(error).__name__}: {error}".splitlines()[0]
            send({"error": message, "input": False, "trace": traceback.format_exc()})
            return 1
        send({"record": record.to_json()})
    return 0


if __name__ == "__main__":
    sys.exit(_main())
