"""What holds for all tests: no law is timed, for a busy machine would fail it."""

from hypothesis import settings

settings.register_profile("orch", deadline=None)
settings.load_profile("orch")
