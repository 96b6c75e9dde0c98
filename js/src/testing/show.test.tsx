import { useEffect } from "preact/hooks";
import { expect, it } from "vitest";
import { fakeHost } from "./fake-host.ts";
import { show, takeDown } from "./show.tsx";

it("has cleaned up after every effect once a component is taken down", async () => {
  let cleaned = 0;
  function Counting() {
    useEffect(() => () => void (cleaned += 1), []);
    return <p>here</p>;
  }
  await show(Counting, fakeHost({}, {}));
  takeDown();
  expect(cleaned).toBe(1);
});
