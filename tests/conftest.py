"""What holds for all tests: no law is timed, for a busy machine would fail it, and the same run tries the same cases.

`HYPOTHESIS_PROFILE=search pytest ...` looks for new ones.
"""

import os

from hypothesis import settings

settings.register_profile("orch", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "orch"))
