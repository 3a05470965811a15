"""Scores the solver until the command has `solve`."""
import json
import sys

from .solve.report import solve_text

args = sys.argv[2:]
files, goal, limit = [], None, 10.0
while args:
    a = args.pop(0)
    if a == "--format":
        args.pop(0)
    elif a == "--goal":
        goal = args.pop(0)
    elif a == "--time-limit":
        limit = float(args.pop(0))
    else:
        files.append(a)
print(json.dumps([{"file": f, **solve_text(open(f).read(), goal, limit)} for f in files]))
