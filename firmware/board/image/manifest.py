# What is frozen into every product image: the program as it stands in the sources, not linked, for
# frozen code costs no heap. The boards' manifests include this one. Functions are the build's own.
# ruff: noqa: F821
# pyright: reportUndefinedVariable=false
include("$(MPY_DIR)/extmod/asyncio")
module("_boot.py")
package("protocol", base_path="../../..")
package("firmware", base_path="../../..")
