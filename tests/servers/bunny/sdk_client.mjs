// What bunny.net's own TypeScript client does with a zone of the test server: `node sdk_client.mjs ZONE` tells it as JSON.

import { createHash } from "node:crypto";
import { file, regions, zone } from "@bunny.net/storage-sdk";

const { name, key, hosts } = JSON.parse(process.argv[2]);

// The client knows the service's host names only; here each is an address of the test server.
const fetchFromService = globalThis.fetch;
globalThis.fetch = (url, options) => {
  const { host, pathname } = new URL(url);
  const region = host === "storage.bunnycdn.com" ? "DE" : host.split(".")[0].toUpperCase();
  return fetchFromService(`http://${hosts[region]}${pathname}`, options);
};

const told = async (promise) => promise.catch((error) => `${error.message}`);
const names = (listed) => (Array.isArray(listed) ? listed.map((one) => one.objectName) : listed);
const streamOf = (bytes) =>
  new ReadableStream({
    start(controller) {
      for (let start = 0; start < bytes.length; start += 1000) controller.enqueue(bytes.subarray(start, start + 1000));
      controller.close();
    },
  });
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const { Falkenstein, NewYork } = regions.StorageRegion;
const own = zone.connect_with_accesskey(Falkenstein, name, key);
const body = new Uint8Array(10240).map((_, index) => index % 251);
const results = {};

results.made = await told(file.createDirectory(own, "/tests/one/"));
results.madeAgain = await told(file.createDirectory(own, "/tests/one/"));
results.uploaded = await told(file.upload(own, "/tests/one/new_file", streamOf(body)));
results.wrongChecksum = await told(file.upload(own, "/tests/one/wrong", streamOf(body), { sha256Checksum: "12" }));
results.rightChecksum = await told(
  file.upload(own, "/tests/one/typed", streamOf(body), { sha256Checksum: sha256(body), contentType: "text/x-own" }),
);
results.listed = names(await told(file.list(own, "/tests/one/")));
results.root = names(await told(file.list(own, "/")));
results.missingDirectory = names(await told(file.list(own, "/missing/")));

const { response, length } = await file.download(own, "/tests/one/typed");
const downloaded = new Uint8Array(await response.arrayBuffer());
results.download = [length, sha256(downloaded) === sha256(body), response.headers.get("content-type")];

const shown = await file.get(own, "/tests/one/new_file");
results.shown = [shown.length, shown.checksum, shown.isDirectory, shown.path, Number.isNaN(shown.lastChanged.getTime())];
results.expected = sha256(body).toUpperCase();
results.missing = await told(file.get(own, "/tests/one/missing"));

results.wrongKey = await told(file.list(zone.connect_with_accesskey(Falkenstein, name, "wrong"), "/"));
results.wrongRegion = await told(file.list(zone.connect_with_accesskey(NewYork, name, key), "/"));

results.removed = await told(file.remove(own, "/tests/one/new_file"));
results.removedAgain = await told(file.remove(own, "/tests/one/new_file"));
results.removedDirectory = await told(file.removeDirectory(own, "/tests"));
results.left = names(await told(file.list(own, "/")));

console.log(JSON.stringify(results));
