// Bundles one ES module and one style sheet a component and refuses to go over the size budget.
import { build } from "esbuild";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: { outdir: { type: "string", default: join(here, "../rolethread_nb/widgets/static") } },
});
const outdir = resolve(values.outdir);

/** KiB of minified JavaScript and CSS together: the text travels with every widget instance. */
const budget = { thread: 64, issues: 64, balance: 60, review: 156, preflight: 64, witness: 64 };

await mkdir(outdir, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: Object.fromEntries(Object.keys(budget).map((name) => [name, `src/${name}/index.tsx`])),
  outdir,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  charset: "utf8",
  legalComments: "none",
  // An AMD loader in the page (classic notebooks, nbconvert) must not catch a bundled module.
  define: { "define.amd": "false" },
  logLevel: "warning",
});

const problems = [];
for (const [name, limit] of Object.entries(budget)) {
  const script = await readFile(join(outdir, `${name}.js`), "utf8");
  const style = await readFile(join(outdir, `${name}.css`), "utf8");
  const size = (Buffer.byteLength(script) + Buffer.byteLength(style)) / 1024;
  console.log(
    `${name.padEnd(9)} js ${(Buffer.byteLength(script) / 1024).toFixed(1).padStart(5)} KiB` +
      `  css ${(Buffer.byteLength(style) / 1024).toFixed(1).padStart(4)} KiB` +
      `  together ${size.toFixed(1).padStart(5)} of ${limit} KiB`,
  );
  if (size > limit) problems.push(`${name} is ${size.toFixed(1)} KiB, over its budget of ${limit} KiB.`);
  if (/\bimport\s*\(|^import\b|\bfrom\s*["']|\beval\s*\(|new Function\b/m.test(script)) problems.push(`${name}.js imports or evaluates something at run time.`);
  if (/@import|url\(\s*["']?https?:/i.test(style)) problems.push(`${name}.css loads something at run time.`);
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
