// A receiver of webhooks that believes only what the standardwebhooks package verifies. Prints {listening}, then each
// request: {refused} for the first ones (--refuse N answers them with 503), {id, events} for those that it took.
import http from "node:http";
import { parseArgs } from "node:util";
import { Webhook } from "standardwebhooks";

const { values } = parseArgs({
  options: { secret: { type: "string" }, refuse: { type: "string", default: "0" }, port: { type: "string", default: "0" } },
});
const webhook = new Webhook(values.secret);
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
let toRefuse = Number(values.refuse);

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString();
    const id = request.headers["webhook-id"];
    if (toRefuse > 0) {
      toRefuse -= 1;
      response.writeHead(503).end("not now");
      return say({ refused: id });
    }
    try {
      const { events, recovered } = webhook.verify(body, request.headers);
      response.writeHead(204).end();
      say({ id, recovered, events });
    } catch (error) {
      response.writeHead(400).end(error.message);
      say({ forged: error.message });
    }
  });
});
server.listen(Number(values.port), "127.0.0.1", () => say({ listening: server.address().port }));
