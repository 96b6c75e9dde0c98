import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Host, Kernel, Trait } from "./host.ts";
import type { Store } from "./store.ts";

export function useTrait(host: Host, name: Trait): string {
  const [value, setValue] = useState(() => host.get(name));
  useLayoutEffect(() => {
    const read = () => setValue(host.get(name));
    read();
    return host.onChange(name, read);
  }, [host, name]);
  return value;
}

export function useKernel(host: Host): Kernel {
  const [value, setValue] = useState(() => host.get("kernel"));
  useLayoutEffect(() => {
    const read = () => setValue(host.get("kernel"));
    read();
    return host.onChange("kernel", read);
  }, [host]);
  return value;
}

/** Draws again whenever the store changes. */
export function useStore<S extends Store>(store: S): S {
  const [, setVersion] = useState(store.version);
  useLayoutEffect(() => {
    const read = () => setVersion(store.version);
    read();
    return store.subscribe(read);
  }, [store]);
  return store;
}

/** An object that lives as long as the view and is disposed of with it. */
export function useOwned<T extends { dispose(): void }>(make: () => T): T {
  const owned = useMemo(make, []);
  useEffect(() => () => owned.dispose(), [owned]);
  return owned;
}

export interface Size {
  width: number;
  height: number;
}

/** The inner size of an element, zero until it is in the page. */
export function useSize(ref: RefObject<HTMLElement | null>): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () =>
      setSize((old) =>
        old.width === element.clientWidth && old.height === element.clientHeight
          ? old
          : { width: element.clientWidth, height: element.clientHeight },
      );
    measure();
    if (typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return size;
}

/** The newest version of a callback behind an identity that never changes. */
export function useLatest<T>(value: T): { readonly current: T } {
  const ref = useRef(value);
  ref.current = value;
  return ref;
}

/** An id for aria references; several copies of this module may draw into one page, so counting would not do. */
export function useUnique(prefix: string): string {
  return useMemo(() => `${prefix}-${Math.random().toString(36).slice(2, 10)}`, []);
}
