import { Component, h, type ComponentType } from "preact";

/** Draws again only when a property is another one; a long thread would otherwise redraw every turn at each key. */
export function memo<P extends object>(View: ComponentType<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const now = this.props as Record<string, unknown>;
      const then = next as Record<string, unknown>;
      return Object.keys({ ...now, ...then }).some((name) => now[name] !== then[name]);
    }
    override render(props: P) {
      return h(View, props);
    }
  };
}
