# SPDX-License-Identifier: MIT

TOOL_TESTS += tests/witness/witness_test.py
TOOL_TESTS += tests/witness/amdvi_test.py
