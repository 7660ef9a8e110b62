"""The figures of the README: what Dropmill costs, each beside the yardstick that was measured in the same run.

CPU seconds and ratios are what to compare; wall times depend on what else the machine does.
"""
