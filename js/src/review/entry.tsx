import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  label: string;
  placeholder: string;
  value: string;
  onDone: (text: string | null) => void;
}

/** A line that is typed into: Enter takes it, Escape leaves it. */
export function Entry({ label, placeholder, value, onDone }: Props) {
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    field.current?.focus({ preventScroll: true });
    field.current?.select();
  }, []);
  return (
    <input
      ref={field}
      class="rt-entry"
      dir="auto"
      defaultValue={value}
      aria-label={label}
      placeholder={placeholder}
      autocomplete="off"
      onKeyDown={(event) => {
        if (event.key === "Enter") onDone(event.currentTarget.value.trim());
        else if (event.key === "Escape") onDone(null);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    />
  );
}
