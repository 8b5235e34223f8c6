TOOL_TESTS += tests/tools/archive_test.py tests/tools/symbols_test.py tests/tools/machine_test.py \
	      tests/tools/runner_test.py tests/tools/program_test.py tests/tools/bench_test.py \
	      tests/tools/coverage_test.py tests/tools/sweep_test.py tests/tools/program_names_test.py \
	      tests/tools/version_test.py

TOOL_TESTS += tests/tools/pthread_test.py

TOOL_TESTS += tests/tools/sdk_test.py
