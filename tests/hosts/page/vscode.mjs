// The frame of outputs in an editor: a manager on ipywidgets 8, which loads widgets from beside the page, and a white container.
import * as base from "@jupyter-widgets/base";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import * as controls from "@jupyter-widgets/controls";
import { Widget } from "@lumino/widgets";

const { requirejs, define } = window;
define("@jupyter-widgets/base", [], () => base);
define("@jupyter-widgets/controls", [], () => controls);
const beside = ["anywidget", "ipydatagrid", "bqplot", "bqscales"];
requirejs.config({ paths: Object.fromEntries(beside.map((name) => [name, `nbextensions/${name}/index`])) });

/** A comm in the shape that models expect. */
class Comm {
  constructor(id, connection) {
    this.comm_id = id;
    this.target_name = "jupyter.widget";
    this.connection = connection;
  }
  send(data, callbacks, _metadata, buffers) {
    this.connection.send(JSON.parse(JSON.stringify(data)), { buffers }).then(() => callbacks?.iopub?.status?.({ content: { execution_state: "idle" } }));
    return "";
  }
  async on_msg(callback) {
    for await (const { data, buffers } of this.connection.messages) callback({ content: { comm_id: this.comm_id, data }, buffers: buffers.map((one) => new DataView(one)) });
  }
  on_close() {}
  close() {
    this.connection.close();
  }
}

class Manager extends ManagerBase {
  constructor(environment) {
    super();
    this.environment = environment;
  }
  loadClass(name, module) {
    return new Promise((done, failed) => requirejs([module], (loaded) => done(loaded[name]), failed));
  }
  async _create_comm() {
    throw new Error("This page opens no comm.");
  }
  async _get_comm_info() {
    return {};
  }
  async get_model(id) {
    if (this.has_model(id)) return super.get_model(id);
    const { modelName, modelModule, modelModuleVersion, state, comm } = await this.environment.getModelState(id);
    const names = { model_name: modelName, model_module: modelModule, model_module_version: modelModuleVersion };
    return this.new_model({ ...names, model_id: id, comm: new Comm(id, comm) }, state);
  }
}

window.show = async (environment, id) => {
  const manager = new Manager(environment);
  const model = await manager.get_model(id);
  const view = await manager.create_view(model);
  Widget.attach(view.luminoWidget, document.querySelector(".cell-output-ipywidget-background"));
};
