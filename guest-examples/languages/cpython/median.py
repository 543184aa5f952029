"""median.py NUMBERS: the median of the numbers in its argument."""

import statistics
import sys

print(statistics.median(map(int, sys.argv[1].split())))
