"""Test card numbers in every spelling, and what merely looks like them: generated from a seed, each with its truth.

Written from the networks' published ranges and from what systems and people write, never from the kernel's code: the
detector is measured against it (bench/detector.py).
"""
