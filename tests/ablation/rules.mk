# SPDX-License-Identifier: MIT

TOOL_TESTS += tests/ablation/ablation_test.py
