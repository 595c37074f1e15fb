// Ask the service at an address through types of openapi-typescript.
import createClient from "openapi-fetch";
import type { components, paths } from "./workings.js";

declare const process: { argv: string[] };

const client = createClient<paths>({ baseUrl: process.argv[2] });
const question: components["schemas"]["SelfAttentionRequest"] = {
  x: [[0, 1], [-1, 1]],
  w_q: [["2*sqrt(2)"], ["sqrt(2)"]],
  w_k: [[-2], [-1]],
  w_v: [[-0.1], [0.3]],
  scale: 1,
};
const answered = await client.POST("/v1/self_attention", { body: question });
if (answered.error) throw new Error(answered.error.detail);
const values: components["schemas"]["SelfAttentionValues"] = answered.data.values;
const output: components["schemas"]["AnswerTensor"] | undefined = values.output;

const refused = await client.POST("/v1/self_attention", { body: { ...question, w_q: [[1], [2], [3]] } });
if (!refused.error) throw new Error("a wrong shape was accepted");
const pointer: string | undefined = refused.error.errors[0]?.pointer;
console.log(JSON.stringify({ output, status: refused.response.status, pointer }));
