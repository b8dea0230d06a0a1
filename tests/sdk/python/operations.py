"""The official OpenAI SDK for Python asks for other things than texts and vectors.

Needs what chat.py needs.
"""

import base64
import os
import unittest

import openai


def client():
    return openai.OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], max_retries=0, timeout=30)


class Moderations(unittest.TestCase):
    def test_texts_are_flagged_with_and_without_a_model(self):
        with client() as api:
            for model in (openai.omit, "omni-moderation-latest"):
                answer = api.moderations.create(model=model, input=["I will hurt you", "Have a nice day"])
                self.assertEqual([result.flagged for result in answer.results], [True, False])
                self.assertTrue(answer.results[0].categories.harassment)

    def test_parts_are_accepted(self):
        with client() as api:
            answer = api.moderations.create(input=[{"type": "text", "text": "I will hurt you"}])
            self.assertTrue(answer.results[0].flagged)

    def test_a_model_of_another_kind_is_refused(self):
        with client() as api, self.assertRaises(openai.BadRequestError) as refused:
            api.moderations.create(model="rerank", input="x")
        self.assertEqual(refused.exception.param, "model")


class Images(unittest.TestCase):
    def test_images_are_generated(self):
        with client() as api:
            answer = api.images.generate(model="gpt-image-1", prompt="A cat", n=2, size="1024x1024", quality="low")
            self.assertEqual(len(answer.data), 2)
            self.assertEqual(base64.b64decode(answer.data[0].b64_json), b"A cat")
            self.assertEqual(answer.usage.output_tokens, 200)


class Speech(unittest.TestCase):
    def test_a_speech_is_streamed(self):
        with client() as api:
            with api.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="Hello") as answer:
                self.assertEqual(answer.headers["content-type"], "audio/mpeg")
                self.assertEqual(b"".join(answer.iter_bytes()), b"Hello\x00\xff" * 20)

    def test_a_speech_is_read_at_once(self):
        with client() as api:
            answer = api.audio.speech.create(model="tts-1", voice="alloy", input="Hello", response_format="wav")
            self.assertEqual(answer.content, b"Hello\x00\xff" * 20)

    def test_a_voice_that_is_missing_is_refused(self):
        with client() as api, self.assertRaises(openai.BadRequestError):
            api.audio.speech.create(model="tts-1", voice="alloy", input="Hello", response_format="midi")


class Transcriptions(unittest.TestCase):
    AUDIO = bytes(range(256)) * 1000

    def test_audio_is_transcribed_in_every_format(self):
        with client() as api:
            answer = api.audio.transcriptions.create(model="whisper", file=("a.wav", self.AUDIO))
            self.assertEqual(answer.text, "whisper-1 heard 256000 bytes")
            answer = api.audio.transcriptions.create(
                model="whisper", file=("a.wav", self.AUDIO), response_format="verbose_json", timestamp_granularities=["word"]
            )
            self.assertEqual(answer.duration, 8.5)
            text = api.audio.transcriptions.create(model="whisper", file=("a.wav", self.AUDIO), response_format="text")
            self.assertEqual(text, "whisper-1 heard 256000 bytes\n")

    def test_audio_is_translated(self):
        with client() as api:
            answer = api.audio.translations.create(model="whisper", file=("a.wav", self.AUDIO))
            self.assertEqual(answer.text, "whisper-1 heard 256000 bytes")


class Edits(unittest.TestCase):
    def test_images_are_edited(self):
        with client() as api:
            images = [("a.png", b"PNG"), ("b.png", b"PNG")]
            answer = api.images.edit(model="gpt-image-1", image=images, prompt="Add a hat", size="1024x1024")
            self.assertEqual(base64.b64decode(answer.data[0].b64_json), b"PNG")


if __name__ == "__main__":
    unittest.main()
