"""Project states that earlier versions of Buckia have written, in a form that can be read.

Databases are kept as the SQL that makes them. `@HERE@` stands for the directory that holds the project and its folder
buckets, `@ENDPOINT@` and `@BUCKET@` for a server's address and bucket. What a disk gives by itself, such as inodes, is
entered when a state is built.
"""
