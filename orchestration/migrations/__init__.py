"""How the tables came to be, one dated file each; `orchestration.migrate` runs them."""
