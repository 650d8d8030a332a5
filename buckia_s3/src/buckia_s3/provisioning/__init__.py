"""Provisioners of vendors whose buckets speak S3: AWS, Ceph, Cloudflare R2."""
