import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  ParseUUIDPipe,
  Patch,
  Post,
  Query,
} from '@nestjs/common'
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiTags,
} from '@nestjs/swagger'
import { NewTask, TaskChanges, TaskData, TaskQuery } from './task-data.ts'
import { Tasks } from './tasks.ts'

@ApiTags('tasks')
@ApiBearerAuth()
@Controller()
export class TasksController {
  readonly #tasks: Tasks

  constructor(@Inject(Tasks) tasks: Tasks) {
    this.#tasks = tasks
  }

  @Get('projects/:projectId/tasks')
  @ApiOkResponse({ type: [TaskData] })
  @ApiNotFoundResponse()
  list(@Param('projectId', ParseUUIDPipe) projectId: string, @Query() query: TaskQuery): Promise<TaskData[]> {
    return this.#tasks.listOfProject(projectId, query)
  }

  @Post('projects/:projectId/tasks')
  @ApiCreatedResponse({ type: TaskData })
  @ApiNotFoundResponse()
  create(@Param('projectId', ParseUUIDPipe) projectId: string, @Body() task: NewTask): Promise<TaskData> {
    return this.#tasks.create(projectId, task)
  }

  @Get('tasks/:id')
  @ApiOkResponse({ type: TaskData })
  @ApiNotFoundResponse()
  find(@Param('id', ParseUUIDPipe) id: string): Promise<TaskData> {
    return this.#tasks.find(id)
  }

  @Patch('tasks/:id')
  @ApiOkResponse({ type: TaskData })
  @ApiNotFoundResponse()
  change(@Param('id', ParseUUIDPipe) id: string, @Body() changes: TaskChanges): Promise<TaskData> {
    return this.#tasks.change(id, changes)
  }

  @Delete('tasks/:id')
  @HttpCode(204)
  @ApiNoContentResponse()
  @ApiNotFoundResponse()
  remove(@Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.#tasks.remove(id)
  }
}
