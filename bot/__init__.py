"""The face of Frontdesk: what people and programs meet, and where its parts are put together."""
