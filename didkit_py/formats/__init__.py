"""Formats that secure a credential, one file each, and FORMATS, the only list of them."""
