PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE conflicts (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (
    key TEXT PRIMARY KEY, root TEXT NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, racy INTEGER NOT NULL,
    fingerprint TEXT NOT NULL, content TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "entries" VALUES('documents/edited.txt','docs > documents/',4,1796024455866272768,1796024455866272768,2146894,0,'4.18ecc2ba13d2cc00.20c242.18ecc2ba1c21c2ea','sha256:01d09d19c2139a46aebfb577780d123d7396e97201bc7ead210a2ebff8239dee');
INSERT INTO "entries" VALUES('documents/gone.txt','docs > documents/',5,1796024455866272768,1796024455866272768,2146893,0,'5.18ecc2ba13d2cc00.20c291.18ecc2ba1c06885b','sha256:4b9f2c32577beb1ebc8ab2a1e226faaa9176a81cd4eedbaa22f8a0db919972b5');
INSERT INTO "entries" VALUES('documents/guide.txt','docs > documents/',6,1796024455866272768,1796024455866272768,2146890,0,'6.18ecc2ba13d2cc00.20c2a1.18ecc2ba1c133619','sha256:90c390ec1de806bf945885cd0af51e90c3cd8cda0d0ff676051a56c20848c90f');
INSERT INTO "entries" VALUES('documents/prices.txt','docs > documents/',6,1796024455866272768,1796024455866272768,2146891,0,'6.18ecc2ba13d2cc00.20c2a2.18ecc2ba1c35038f','sha256:e546b9fd00fbf39ab5c25921fedf60d5f3fa5ab4f0f81c78cbb522cb5237832f');
INSERT INTO "entries" VALUES('images/1.txt','pictures > images/',10,1796024455866272768,1796024455866272768,2146887,0,'a.18ecc2ba13d2cc00.20c243.18ecc2ba1c4469bf','sha256:d3a1c5524ab2e96e49cf6a6e0c8ec65567281c7793d6870bcc9e13d8a3556e68');
INSERT INTO "entries" VALUES('images/2.txt','pictures > images/',10,1796024455866272768,1796024455866272768,2146888,0,'a.18ecc2ba13d2cc00.20c244.18ecc2ba1c4f3c45','sha256:cff6d7a57b92c0926a2831e772e8ab71c7b7d23bb84629e7d93b444ff28ab931');
INSERT INTO "entries" VALUES('images/3.txt','pictures > images/',10,1796024455866272768,1796024455866272768,2146889,0,'a.18ecc2ba13d2cc00.20c2a3.18ecc2ba1c4932c7','sha256:bc663220fa83ee44e7bdce42b41e61d42ed6bfad45141927eea84c60a2e5894d');
INSERT INTO "entries" VALUES('notes/current.txt','notes.txt = notes/current.txt',5,1796024455866272768,1796024455866272768,2146892,0,'5.18ecc2ba13d2cc00.20c283.18ecc2ba1c4f3c45','sha256:389ed6887e49a315f706f6c2b931b1dcf0d797c91437124f32eb98555c669758');
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('id','657708e4');
INSERT INTO "meta" VALUES('identity','file:@HERE@/bucket/');
CREATE TABLE runs (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
INSERT INTO "runs" VALUES(1,'{"bucket": "site", "dry_run": false, "started": "2026-11-30T07:40:55.994990+00:00", "seconds": 0.014871388000074148, "uploaded": 8, "downloaded": 0, "deleted_local": 0, "deleted_remote": 0, "moved": 0, "adopted": 0, "conflicts": 0, "unresolved": [], "failed": 0, "skipped": 0, "unchanged": 0, "bytes_up": 56, "bytes_down": 0, "requests": 11, "errors": [], "interrupted": false}');
COMMIT;
