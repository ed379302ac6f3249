"""Alembic's entry: runs on the connection that Database.migrate opened, inside its one transaction."""

from alembic import context

from service.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
