"""Text of many kinds, gathered from pinned packages: to train on, to develop on and to test on."""
