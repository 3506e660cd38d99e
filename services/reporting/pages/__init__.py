"""The parts of the reporting service's pages; `services.reporting.web` puts them together."""
