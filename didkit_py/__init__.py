"""didkit-py: claims that are issued once, shown one at a time, and judged by the person they are about."""
