"""The OpenAI Agents SDK with its default model: the Responses API, in front of every kind of provider."""

import asyncio
import os
import unittest

from agents import Agent, ModelSettings, Runner, WebSearchTool, function_tool, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI
from openai.types.shared import Reasoning
from pydantic import BaseModel

import families
from families import WITH_RESPONSES, calls, came_back, case, says

each = families.each_of(WITH_RESPONSES)


class Place(BaseModel):
    city: str


@function_tool
def weather(city: str) -> str:
    """Tells the weather."""
    return f"{city}: 12 degrees"


def agent(family, **options):
    settings = ModelSettings(store=False, response_include=["reasoning.encrypted_content"])
    if family != "openai":
        settings.reasoning = Reasoning(effort="medium")
    return Agent(name="Assistant", model=family, model_settings=settings, **options)


def within_a_client(work):
    """Runs a coroutine whose requests go to the gateway."""

    async def run():
        async with AsyncOpenAI(base_url=os.environ["BASE_URL"], api_key=families.KEY, max_retries=0) as client:
            set_default_openai_client(client, use_for_tracing=False)
            return await work

    return asyncio.run(run())


def run(asked, prompt):
    return within_a_client(Runner.run(asked, prompt))


def run_streamed(asked, prompt):
    async def work():
        result = Runner.run_streamed(asked, prompt)
        return result, [event.type async for event in result.stream_events()]

    return within_a_client(work())


class Agents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        set_tracing_disabled(True)

    @each
    def test_tools_are_run(self, family):
        told = case(calls("Paris", "Rome"), says("{results}"))
        result = run(agent(family, tools=[weather]), told.prompt("How is the weather?"))
        self.assertEqual(result.final_output, "Paris: 12 degrees\nRome: 12 degrees")
        requests = told.requests()
        self.assertEqual(len(requests), 2)
        self.assertTrue(came_back(family, requests[1]), requests[1]["body"])

    @each
    def test_tools_are_run_in_streams(self, family):
        told = case(calls("Paris"), says("{results}"))
        result, kinds = run_streamed(agent(family, tools=[weather]), told.prompt("How is the weather?"))
        self.assertEqual(result.final_output, "Paris: 12 degrees")
        self.assertIn("raw_response_event", kinds)
        requests = told.requests()
        self.assertTrue(came_back(family, requests[1]), requests[1]["body"])

    def test_a_conversation_goes_on_with_the_id_of_its_last_response(self):
        told = case(calls("Paris"), says("{results}"))
        # Every request has the instructions, and with them the name of the case.
        asked = agent("responses", tools=[weather], instructions=told.prompt("Be brief"))
        asked.model_settings.store = True
        result = within_a_client(Runner.run(asked, told.prompt("How is the weather?"), auto_previous_response_id=True))
        self.assertEqual(result.final_output, "Paris: 12 degrees")
        # Only the new items are sent.
        [_, second] = told.requests()
        self.assertEqual([item["type"] for item in second["body"]["input"]], ["function_call_output"])
        again = Runner.run(asked, told.prompt("And now?"), previous_response_id=result.last_response_id)
        self.assertEqual(within_a_client(again).final_output, "Paris: 12 degrees")

    @each
    def test_a_search_stands_beside_other_tools(self, family):
        """It is the provider's own, or it is left out."""
        told = case(calls("Paris"), says("{results}"))
        result = run(agent(family, tools=[weather, WebSearchTool()]), told.prompt("How is the weather?"))
        self.assertEqual(result.final_output, "Paris: 12 degrees")
        told.requests()

    @each
    def test_a_handoff_is_made(self, family):
        handoff = {"tool_calls": [{"name": "transfer_to_expert", "arguments": "{}"}], "finish": "tools"}
        told = case(handoff, says("The expert says so."))
        expert = agent(family, handoff_description="Knows more")
        expert.name = "Expert"
        result = run(agent(family, handoffs=[expert]), told.prompt("Ask the expert"))
        self.assertEqual((result.final_output, result.last_agent.name), ("The expert says so.", "Expert"))
        told.requests()

    @each
    def test_an_output_type_is_followed(self, family):
        told = case(says('{"city": "Paris"}'))
        self.assertEqual(run(agent(family, output_type=Place), told.prompt()).final_output, Place(city="Paris"))
        told.requests()


if __name__ == "__main__":
    unittest.main()
