PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE conflicts (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (
    key TEXT PRIMARY KEY, root TEXT NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, racy INTEGER NOT NULL,
    fingerprint TEXT NOT NULL, content TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "entries" VALUES('one.txt','albums > ',4,1796024472448618486,1796024472448618486,2154499,0,'5bbf5a52328e7439ae6e719dfe712200','sha256:2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806 md5:5bbf5a52328e7439ae6e719dfe712200');
INSERT INTO "entries" VALUES('two.txt','albums > ',4,1796024472448618486,1796024472448618486,2154500,0,'c193497a1a06b2c72230e6146ff47080','sha256:27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a md5:c193497a1a06b2c72230e6146ff47080');
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('id','c7f31e87');
INSERT INTO "meta" VALUES('identity','s3:@ENDPOINT@/@BUCKET@/p/');
CREATE TABLE runs (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
INSERT INTO "runs" VALUES(1,'{"bucket": "photos", "dry_run": false, "started": "2026-11-30T07:41:12.648112+00:00", "seconds": 0.06203170800006319, "uploaded": 2, "downloaded": 0, "deleted_local": 0, "deleted_remote": 0, "moved": 0, "adopted": 0, "conflicts": 0, "unresolved": [], "failed": 0, "skipped": 0, "unchanged": 0, "bytes_up": 8, "bytes_down": 0, "requests": 11, "errors": [], "interrupted": false}');
COMMIT;
