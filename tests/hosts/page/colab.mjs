// The frame of one output in Colab: its own manager of custom widgets, which is told which widget to show.
import { createWidgetManager } from "colab-widget-manager";

let manager;

window.show = async (environment, model, metadata) => {
  if (!metadata?.colab?.custom_widget_manager?.url) {
    document.body.textContent = "Third party widgets are not supported here until they are enabled.";
    return;
  }
  manager ??= createWidgetManager(environment);
  await manager.render(model, document.body);
};
