// node dev/serve.mjs [port]: the built components over an invented dataset, at /?widget=review&theme=dark
import { createServer } from "node:http";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = await mkdtemp(join(tmpdir(), "rolethread-dev-"));
execFileSync(process.execPath, [join(here, "../build.mjs"), "--outdir", out], { stdio: "inherit" });

const files = {
  "/": [join(here, "page.html"), "text/html"],
  "/dataset.js": [join(here, "dataset.js"), "text/javascript"],
};
for (const name of ["thread", "issues", "balance", "review"]) {
  files[`/${name}.js`] = [join(out, `${name}.js`), "text/javascript"];
  files[`/${name}.css`] = [join(out, `${name}.css`), "text/css"];
}

const server = createServer(async (request, response) => {
  const file = files[new URL(request.url, "http://localhost").pathname];
  if (!file) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": `${file[1]}; charset=utf-8` }).end(await readFile(file[0]));
});
server.listen(Number(process.argv[2] ?? 8123), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/?widget=review`));
process.on("SIGINT", async () => {
  await rm(out, { recursive: true });
  process.exit(0);
});
