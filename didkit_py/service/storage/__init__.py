"""The database seam on SQLite and PostgreSQL: connections, migrations, sealed values."""
