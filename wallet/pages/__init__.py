"""The person's pages, one module for each subject."""
