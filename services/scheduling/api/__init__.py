"""HTTP of scheduling: /practitioners, /rota, /requests, /holds, /appointments, /agenda, /slots, /tariff."""

from fastapi import APIRouter

from services.scheduling.api import agenda, booking, practitioners

ROUTERS: tuple[APIRouter, ...] = (practitioners.router, booking.router, agenda.router)

__all__ = ["ROUTERS"]
