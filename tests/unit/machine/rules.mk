UNIT_TESTS += fake_test
fake_test_SRCS := tests/unit/machine/fake_test.c
