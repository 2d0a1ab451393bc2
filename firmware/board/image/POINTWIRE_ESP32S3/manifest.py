# ruff: noqa: F821
# pyright: reportUndefinedVariable=false
include("../manifest.py")
module("main.py")
