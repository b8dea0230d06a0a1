"""The official OpenAI SDK for Python asks for the embeddings of many texts, of a provider that takes one at a time.

Needs what chat.py needs; MODEL is the group. Beyond the SDK's own call: what LangChain's OpenAIEmbeddings makes of
`embed_documents`, which always sends lists, of a thousand texts at most.
"""

import os
import unittest

import openai

MODEL = "titan"
TEXTS = [f"Text number {number} \u00e9\U0001f600 \"quoted\"\n" for number in range(20)]


def client():
    return openai.OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], max_retries=0, timeout=30)


class Embeddings(unittest.TestCase):
    def test_a_list_has_the_vectors_of_its_texts_in_their_order(self):
        with client() as api:
            # The SDK asks for base64 by itself, and unpacks it.
            answer = api.embeddings.create(model=MODEL, input=TEXTS)
            self.assertEqual([item.index for item in answer.data], list(range(len(TEXTS))))
            alone = [api.embeddings.create(model=MODEL, input=text) for text in TEXTS]
            self.assertEqual([item.embedding for item in answer.data], [one.data[0].embedding for one in alone])
            self.assertEqual(answer.usage.prompt_tokens, sum(one.usage.prompt_tokens for one in alone))
            self.assertEqual(answer.model, MODEL)

    def test_documents_in_chunks_as_langchain_sends_them(self):
        with client() as api:
            vectors = []
            for begin in range(0, len(TEXTS), 8):
                chunk = TEXTS[begin : begin + 8]
                answer = api.embeddings.create(input=chunk, model=MODEL, encoding_format="float").model_dump()
                vectors.extend(item["embedding"] for item in answer["data"])
            self.assertEqual(len({tuple(vector) for vector in vectors}), len(TEXTS))


if __name__ == "__main__":
    unittest.main()
