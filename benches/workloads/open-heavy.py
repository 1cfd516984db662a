"""Opens some 3,000 files: imports most of the standard library, and reads its sources six times."""

import importlib
import pkgutil
import sys

SKIP = {"antigravity", "this", "idlelib", "test", "turtledemo", "lib2to3"}
for module in pkgutil.iter_modules():
    if module.module_finder.path.endswith("python3.11") and module.name not in SKIP and not module.name.startswith("_"):
        try:
            importlib.import_module(module.name)
        except Exception:
            pass
files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
for _ in range(6):
    for name in files:
        if name and name.endswith(".py"):
            with open(name, "rb") as file:
                file.read(64)
