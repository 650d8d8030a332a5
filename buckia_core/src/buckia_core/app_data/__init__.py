"""App data: a folder a user, a demo folder, and an SQLite database, as the setting `app` describes them."""
