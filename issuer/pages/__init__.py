"""The operator's pages, one module for each subject."""
