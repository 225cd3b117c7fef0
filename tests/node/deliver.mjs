// Delivers events through Segment's Node SDK, unchanged, and prints what the SDK says became of them.
// node deliver.mjs HOST WRITE_KEY COUNT PREFIX SECONDS
import { Analytics } from "@segment/analytics-node";

const [host, writeKey, count, prefix, seconds] = process.argv.slice(2);
const total = Number(count);
const analytics = new Analytics({ writeKey, host, maxRetries: 1000, flushAt: 100, flushInterval: 200, httpRequestTimeout: 5000 });
analytics.on("error", () => {});

const delivered = [];
const failed = [];
const pause = (Number(seconds) * 1000) / Math.ceil(total / 100);
for (let sent = 0; sent < total; sent += 100) {
  for (let i = sent; i < Math.min(sent + 100, total); i += 1) {
    const messageId = `${prefix}-${i}`;
    const done = (error) => (error ? failed : delivered).push(messageId);
    const base = { anonymousId: `${prefix}-visitor-${i % 997}`, messageId };
    if (i % 3 === 0) analytics.page({ ...base, name: "Item", properties: { url: `https://shop.example.com/item/${i % 50}` } }, done);
    else analytics.track({ ...base, event: "Clicked", properties: { n: i } }, done);
  }
  await new Promise((resolve) => setTimeout(resolve, pause));
}
await analytics.flush({ timeout: 240000 });
process.stdout.write(JSON.stringify({ delivered, failed }));
