// A page with a live kernel: it runs cells and gives every widget that is shown to a frame, as Colab and VS Code do.
import { KernelManager, ServerConnection } from "@jupyterlab/services";

const WIDGET = "application/vnd.jupyter.widget-view+json";
const models = new Map();
const outputs = [];
let kernel;

/** One comm: what it says is given to each frame in objects of the frame's own, as a message between windows would. */
function channel(comm) {
  const readers = [];
  return {
    give: (message) => readers.forEach((read) => read(message)),
    connection: (inside) => ({
      send: async (data, options) => void (await comm.send(data, undefined, options?.buffers).done),
      close: () => void comm.close(),
      get messages() {
        const kept = [];
        let wake = () => {};
        readers.push((message) => {
          kept.push(inside.structuredClone(message));
          wake();
        });
        return (async function* () {
          for (;;) {
            while (kept.length > 0) yield kept.shift();
            await new Promise((done) => (wake = done));
          }
        })();
      },
    }),
  };
}

/** Puts the bytes that came beside a state into their places in it. */
function withBytes({ state, buffer_paths: paths = [] }, buffers = []) {
  paths.forEach((path, n) => {
    const last = path.slice(0, -1).reduce((at, key) => at[key], state);
    last[path.at(-1)] = buffers[n];
  });
  return state;
}

function opened(comm, message) {
  const state = withBytes(message.content.data, message.buffers);
  const side = channel(comm);
  models.set(comm.commId, { state, side });
  comm.onMsg = ({ content, buffers }) => {
    if (content.data.method === "update") Object.assign(state, withBytes(content.data, buffers));
    side.give({ data: content.data, buffers: (buffers ?? []).map((one) => one.buffer ?? one) });
  };
}

/** What a manager of widgets in a frame may ask of the page around it. */
const environment = (inside) => ({
  async getModelState(id) {
    const model = models.get(id);
    if (!model) return undefined;
    const { _model_name: modelName, _model_module: modelModule, _model_module_version: modelModuleVersion } = model.state;
    return { modelName, modelModule, modelModuleVersion, state: inside.structuredClone(model.state), comm: model.side.connection(inside) };
  },
  openCommChannel: () => Promise.reject(new Error("This page opens no comm.")),
  renderOutput: () => Promise.resolve(),
});

/** A frame for an output, as high as what is in it. */
async function frame(kind) {
  const element = document.createElement("iframe");
  element.className = kind;
  element.src = kind === "output" ? "output.html" : `${window.host}.html`;
  document.querySelector("main").append(element);
  await new Promise((done) => element.addEventListener("load", done, { once: true }));
  const { document: inside } = element.contentWindow;
  new ResizeObserver(() => (element.style.height = `${inside.documentElement.scrollHeight}px`)).observe(inside.body);
  return element.contentWindow;
}

async function show(data, metadata, text) {
  outputs.push(data);
  const model = data?.[WIDGET]?.model_id;
  const inside = await frame(model ? "widget" : "output");
  if (model) await inside.show(environment(inside), model, metadata?.[WIDGET]);
  else if (data?.["text/html"]) inside.document.body.innerHTML = data["text/html"];
  else inside.document.body.append(Object.assign(inside.document.createElement("pre"), { textContent: data?.["text/plain"] ?? text }));
}

/** Connects with a server and starts a kernel. */
window.start = async (server) => {
  const serverSettings = ServerConnection.makeSettings({ baseUrl: server, wsUrl: server.replace("http", "ws"), token: "" });
  const manager = new KernelManager({ serverSettings });
  kernel = await manager.startNew({ name: "python3" });
  kernel.registerCommTarget("jupyter.widget", opened);
};

/** Runs code and shows what it gives; settles when the code has run and all is shown. */
window.run = async (code) => {
  const future = kernel.requestExecute({ code, store_history: false });
  const shown = [];
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "stream") shown.push(() => show(undefined, undefined, content.text));
    else if (header.msg_type === "error") shown.push(() => show(undefined, undefined, `${content.ename}: ${content.evalue}`));
    else if (["display_data", "execute_result"].includes(header.msg_type)) shown.push(() => show(content.data, content.metadata));
  };
  const reply = await future.done;
  for (const each of shown) await each();
  if (reply.content.status !== "ok") throw new Error(`${reply.content.ename}: ${reply.content.evalue}`);
};

/** Shows the outputs anew as they are read where no kernel is: widgets that have a static twin as the twin. */
window.showFrozen = async () => {
  document.querySelector("main").replaceChildren();
  for (const data of outputs.splice(0)) {
    const { [WIDGET]: widget, ...rest } = data ?? {};
    if (widget) await show(rest, {});
  }
};

window.theme = (theme) => {
  for (const page of [window, ...Array.from(document.querySelectorAll("iframe"), (one) => one.contentWindow)]) page.become?.(theme);
};
